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
