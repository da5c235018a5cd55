/* Texts that Scratch's own translation lacks in this version, by language and the editor's name for
   them. What it has is left as it is. */
'use strict';

window.NETSPRING_TEXTS = {
  'zh-cn': {
    'gui.alerts.loadingExtensionData': '正在加载扩展…',
    'gui.blockTheme.catBlocks': '猫咪积木',
    'gui.blockTheme.default': '默认',
    'gui.confirmationPrompt.cancel': '取消',
    'gui.confirmationPrompt.confirm': '确定',
    'gui.defaultProject.meow': '喵',
    'gui.defaultProject.variable': '我的变量',
    'gui.gui.deleteAssetHeading': '确认删除',
    'gui.gui.listPromptAllSpritesMessage': '这个列表适用于所有角色。',
    'gui.gui.shouldDeleteCostume': '确定要删除这个造型吗？',
    'gui.gui.shouldDeleteSound': '确定要删除这个声音吗？',
    'gui.gui.shouldDeleteSprite': '确定要删除这个角色吗？',
    'gui.menuBar.home': '主页',
    'gui.menuBar.language': '语言',
    'gui.menuBar.settings': '设置',
    'gui.monitor.contextMenu.hide': '隐藏',
    'gui.sharedMessages.loadFromComputerTitle': '从电脑中打开',
    'gui.SpriteInfo.hideSpriteAction': '隐藏角色',
    'gui.SpriteInfo.showSpriteAction': '显示角色',
    'gui.theme.dark': '深色',
    'gui.theme.default': '原色',
    'gui.theme.highContrast': '高对比度'
  },
  'fr': {
    'gui.confirmationPrompt.cancel': 'non',
    'gui.confirmationPrompt.confirm': 'oui',
    'gui.sharedMessages.loadFromComputerTitle': 'Importer depuis votre ordinateur',
    'gui.theme.default': 'Origine'
  }
};

/* Names of Tux Paint's templates, which it has in no language, after their files. */
window.NETSPRING_NAMES = {
  'zh-cn': {
    'burnt bark': '烧焦的树皮',
    'chessboard': '棋盘',
    'cliff': '悬崖',
    'corn maze': '玉米迷宫',
    'jellyfish': '水母',
    'lighthouse': '灯塔',
    'mossy bark': '长苔的树皮',
    'mossy log': '长苔的木头',
    'mudstone': '泥岩',
    'ocean splash': '浪花',
    'ocean waves': '海浪',
    'redwoods above': '红杉林',
    'reef': '珊瑚礁',
    'rocks': '石头',
    'sheep': '羊群',
    'skyline sf dusk': '黄昏的城市',
    'spiders web': '蜘蛛网',
    'sun behind clouds': '云后的太阳',
    'sun behind leaves': '叶间的太阳',
    'trees above': '树冠',
    'trees at dusk': '黄昏的树',
    'wool mill machine': '纺织机'
  },
  'fr': {
    'burnt bark': 'Écorce brûlée',
    'chessboard': 'Échiquier',
    'cliff': 'Falaise',
    'corn maze': 'Labyrinthe de maïs',
    'jellyfish': 'Méduses',
    'lighthouse': 'Phare',
    'mossy bark': 'Écorce moussue',
    'mossy log': 'Tronc moussu',
    'mudstone': 'Roche',
    'ocean splash': 'Éclaboussures',
    'ocean waves': 'Vagues',
    'redwoods above': 'Séquoias',
    'reef': 'Récif',
    'rocks': 'Galets',
    'sheep': 'Moutons',
    'skyline sf dusk': 'Ville au crépuscule',
    'spiders web': 'Toile d’araignée',
    'sun behind clouds': 'Soleil et nuages',
    'sun behind leaves': 'Soleil et feuilles',
    'trees above': 'Cime des arbres',
    'trees at dusk': 'Arbres au crépuscule',
    'wool mill machine': 'Machine à laine'
  }
};
