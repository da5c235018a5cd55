/* Sets Scratch's editor up for a child without internet. `GUI` is its makers' editor. */
'use strict';

(() => {
  const query = new URLSearchParams(location.search);
  const locale = query.get('locale') || 'en';
  document.documentElement.lang = locale;

  const app = document.getElementById('app');
  GUI.setAppElement(app);
  const state = new GUI.EditorState({locale});
  const locales = state.store.getState().locales;
  const own = locales.messagesByLocale[locales.locale];
  for (const [name, text] of Object.entries(window.NETSPRING_TEXTS[locale] || {})) {
    if (!own[name] || own[name] === locales.messagesByLocale.en[name]) own[name] = text;
  }
  const scratch = () => state.store.getState().scratchGui;
  let vm = null;
  let opened = false;

  /* A file beside the page or in the child's home; `fetch` does not read those, XMLHttpRequest does. */
  const read = address => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'arraybuffer';
    request.onload = () => resolve(request.response);
    request.onerror = () => reject(new Error(`cannot read ${address}`));
    request.send();
  });

  /* Pictures of Tux Paint, which the role lists in ../library.js, as sprites, costumes, backdrops.
     Scratch asks for a picture by its md5; it gets it as PNG with two pixels for each of the stage:
     a backdrop fills the stage, a sprite is at most `SPRITE` pixels high and wide. */
  const SPRITE = 320;
  const STAGE = [960, 720];
  const ENOUGH = 100;
  const library = window.NETSPRING_LIBRARY || {sprites: [], backdrops: []};
  const pictures = new Map();
  const ownNames = window.NETSPRING_NAMES[locale] || {};
  const nameOf = entry => entry.names[locale] || ownNames[entry.names.en];
  const named = (entries, isBackdrop) => {
    const taken = new Map();
    // A child does not find what is called something in another language; with few names in the
    // child's language all pictures are better than few.
    const readable = entries.filter(nameOf);
    return (readable.length >= ENOUGH ? readable : entries).map(entry => {
      const name = nameOf(entry) || entry.names.en;
      const count = (taken.get(name) || 0) + 1;
      taken.set(name, count);
      pictures.set(entry.id, {file: entry.file, isBackdrop});
      const costume = {
        name: count > 1 ? `${name} ${count}` : name,
        assetId: entry.id,
        bitmapResolution: 2,
        dataFormat: 'png',
        isPublic: true,
        md5ext: `${entry.id}.png`,
        rawURL: entry.file,
        tags: entry.tags
      };
      if (isBackdrop) [costume.rotationCenterX, costume.rotationCenterY] = [480, 360];
      return costume;
    });
  };
  const costumes = named(library.sprites, false);
  const dynamicAssets = {
    backdrops: named(library.backdrops, true),
    costumes,
    sounds: [],
    sprites: costumes.map(costume => ({
      blocks: {}, costumes: [costume], isPublic: true, isStage: false, name: costume.name, sounds: [],
      tags: costume.tags, variables: {}
    }))
  };
  const drawn = async ({file, isBackdrop}) => {
    const kind = file.endsWith('.svg') ? 'image/svg+xml' : '';
    const picture = new Image();
    picture.src = URL.createObjectURL(new Blob([await read(file)], {type: kind}));
    await picture.decode();
    URL.revokeObjectURL(picture.src);
    const [width, height] = [picture.naturalWidth || SPRITE, picture.naturalHeight || SPRITE];
    const canvas = document.createElement('canvas');
    const scale = isBackdrop ? Math.max(STAGE[0] / width, STAGE[1] / height) :
      Math.min(SPRITE / width, SPRITE / height);
    [canvas.width, canvas.height] = isBackdrop ? STAGE :
      [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    canvas.getContext('2d').drawImage(picture,
      (canvas.width - (width * scale)) / 2, (canvas.height - (height * scale)) / 2,
      width * scale, height * scale);
    const blob = await new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
    return new Uint8Array(await blob.arrayBuffer());
  };
  const storage = scratch().config.storage.scratchStorage;
  storage.addHelper({
    load: (type, id) => (pictures.has(id) ? drawn(pictures.get(id)).then(data =>
      storage.createAsset(storage.AssetType.ImageBitmap, 'png', data, id, false)) : null)
  }, 200);

  /* The project that was clicked in the file manager, once the starting project is there. */
  const open = async () => {
    document.documentElement.dataset.netspring = 'ready';
    const address = query.get('project');
    if (opened || !address) return;
    opened = true;
    const name = decodeURIComponent(address.split('/').pop());
    try {
      await vm.loadProject(await read(address));
      state.dispatch({type: 'projectTitle/SET_PROJECT_TITLE', title: name.replace(/\.sb3$/i, '')});
      document.documentElement.dataset.netspring = 'opened';
    } catch (error) {
      document.documentElement.dataset.netspring = 'failed';
      alert(`${name}\n${error.message || error}`);
    }
  };

  /* Saving is what the menu does: a file in the folder of works, named after the project. */
  const save = async () => {
    const content = await vm.saveProjectSb3();
    const link = document.createElement('a');
    link.href = URL.createObjectURL(content);
    link.download = `${(scratch().projectTitle || 'Scratch').substring(0, 100)}.sb3`;
    document.body.appendChild(link);
    link.click();
    setTimeout(() => {
      URL.revokeObjectURL(link.href);
      link.remove();
    }, 1000);
  };

  addEventListener('keydown', event => {
    if (!event.ctrlKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 's') {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (vm) save();
    } else if (['n', 't', 'o', 'p', 'r', 'u', 'j'].includes(key)) {
      event.preventDefault(); // a tab, a page, a print, a reload: nothing of the lesson
    }
  }, true);

  /* No page but this one: neither a link nor a file that is dropped on the window leads away. */
  window.open = () => null;
  addEventListener('click', event => {
    const link = event.target.closest && event.target.closest('a[href]');
    // What was saved by the menu or by a key need not be asked about when the window is closed.
    if (link && /\.sb3$/i.test(link.download)) {
      state.dispatch({type: 'scratch-gui/project-changed/SET_PROJECT_CHANGED', changed: false});
    }
    if (link && !link.download && /^(https?:|\/\/)/i.test(link.getAttribute('href'))) {
      event.preventDefault();
    }
  }, true);
  for (const kind of ['dragover', 'drop']) addEventListener(kind, event => event.preventDefault());

  /* A window that is closed by mistake does not take the child's work with it. */
  addEventListener('beforeunload', event => {
    if (scratch().projectChanged) {
      event.preventDefault();
      event.returnValue = '';
    }
  });

  /* Which libraries have something in them is written into the page by the build. A menu whose
     library is empty paints something new instead: its third button, its buttons being file,
     surprise, paint (or record), library. */
  const filled = [
    ...window.NETSPRING_LIBRARIES,
    ...Object.keys(dynamicAssets).filter(name => dynamicAssets[name].length)
  ];
  const kinds = {sprite: 'sprites', stage: 'backdrops'};
  const bare = menu => {
    const isStage = Boolean(menu.closest('[class*="stage-selector_"]'));
    const inPanel = Boolean(menu.closest('[class*="selector_wrapper_"], [class*="asset-panel_"]'));
    if (!inPanel) return !filled.includes(isStage ? kinds.stage : kinds.sprite);
    const tab = scratch().editorTab.activeTabIndex;
    const targets = scratch().targets;
    const onStage = targets.stage && targets.stage.id === targets.editingTarget;
    if (tab === 2) return !filled.includes('sounds');
    return !filled.includes(onStage ? 'backdrops' : 'costumes');
  };
  const MENU = '[class*="action-menu_menu-container_"]';
  const mark = () => {
    for (const menu of document.querySelectorAll(MENU)) {
      menu.classList.toggle('netspring-bare', bare(menu));
    }
  };
  new MutationObserver(mark).observe(app, {childList: true, subtree: true});
  state.store.subscribe(() => requestAnimationFrame(mark));
  addEventListener('click', event => {
    const main = event.target.closest && event.target.closest('[class*="action-menu_main-button_"]');
    const menu = main && main.closest(MENU);
    if (!menu || !bare(menu)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const third = menu.querySelector('[class*="action-menu_more-buttons_"] > li:nth-child(3) button');
    if (third) third.click();
  }, true);

  GUI.createStandaloneRoot(state, app).render({
    backpackVisible: false,
    canEditTitle: true,
    canSave: false,
    dynamicAssets,
    onProjectLoaded: () => setTimeout(open),
    onVmInit: made => {
      vm = made;
    },
    platform: 'DESKTOP',
    projectId: '0',
    showComingSoon: false
  });

  /* For the checks of a delivered PC, which look at the editor through the browser's own tools. */
  window.netspring = {
    get vm () {
      return vm;
    },
    save,
    state
  };
})();
