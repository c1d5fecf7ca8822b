{
"": {
"domain": "ckan",
"lang": "zh_Hans_CN",
"plural-forms": "nplurals=1; plural=0;",
"plural_forms": "nplurals=1; plural=0;"
},
"(estimated)": [
null,
"（估算）"
],
"Add Filter": [
null,
"添加筛选条件"
],
"An error occured during AJAX request. Could not load view.": [
null,
"请求数据时发生错误，无法加载预览。"
],
"Are you sure you want to perform this action?": [
null,
"确定要执行此操作吗？"
],
"COLUMN FILTER/S": [
null,
"列筛选"
],
"Cancel": [
null,
"取消"
],
"Close": [
null,
"关闭"
],
"Confirm": [
null,
"确认"
],
"Copied deeplink to clipboard": [
null,
"链接已复制到剪贴板"
],
"Copy to clipboard": [
null,
"复制到剪贴板"
],
"Double-click to reset filters": [
null,
"双击可重置筛选条件"
],
"Edit": [
null,
"编辑"
],
"Failed to load data API information": [
null,
"加载数据API信息失败"
],
"File": [
null,
"文件"
],
"Filtered": [
null,
"筛选结果"
],
"Filtered download": [
null,
"下载筛选结果"
],
"Hide": [
null,
"收起"
],
"Image": [
null,
"图片"
],
"Input is too short, must be at least one character": [
"Input is too short, must be at least %(num)d characters",
"输入内容过短，请至少输入%(num)d个字符"
],
"Link": [
null,
"链接"
],
"Link to a URL on the internet (you can also link to an API)": [
null,
"链接到互联网上的网址（也可以链接到API）"
],
"No matches found": [
null,
"没有匹配的结果"
],
"Notification": [
null,
"提示"
],
"Please Confirm": [
null,
"请确认"
],
"Please select the file to upload again": [
null,
"请重新选择要上传的文件"
],
"Press SHIFT key while clicking on\nsort control for multi-column sort": [
null,
"按住SHIFT键并点击\n排序按钮，可进行多列排序"
],
"Print": [
null,
"打印"
],
"Remove": [
null,
"取消收藏"
],
"Reorder resource view": [
null,
"调整预览顺序"
],
"Reorder resources": [
null,
"调整数据文件顺序"
],
"Reset": [
null,
"清除条件"
],
"Restore visibility": [
null,
"恢复默认显示"
],
"Save order": [
null,
"保存顺序"
],
"Saving...": [
null,
"正在保存……"
],
"Searching...": [
null,
"正在搜索……"
],
"Select a field": [
null,
"选择字段"
],
"Share current view": [
null,
"分享当前预览"
],
"Show all": [
null,
"全部显示"
],
"Show more": [
null,
"展开更多"
],
"Show none": [
null,
"全部隐藏"
],
"Sort": [
null,
"排序"
],
"Start typing…": [
null,
"请输入……"
],
"TABLE FILTER": [
null,
"全表筛选"
],
"Table/List toggle": [
null,
"切换表格/列表显示"
],
"There are unsaved modifications to this form": [
null,
"表单中有尚未保存的修改"
],
"There is no API data to load for this resource": [
null,
"此数据文件没有可加载的API数据"
],
"Toggle column visibility": [
null,
"显示或隐藏列"
],
"URL": [
null,
"网址"
],
"Upload": [
null,
"上传"
],
"Upload a file on your computer": [
null,
"上传本机中的文件"
],
"You can rearrange the resources by dragging them using the arrow icon. Drag the resource to the right and place it to the desired location on the list. When you are done, click the \"Save order\" -button.": [
null,
"您可以按住箭头图标拖动数据文件，将其移至所需位置，完成后点击“保存顺序”按钮。"
],
"seconds": [
null,
"秒"
]
}
