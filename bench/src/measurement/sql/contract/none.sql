SELECT runmeta.contract('checked', NULL), runmeta.contract('other', NULL);
