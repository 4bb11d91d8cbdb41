SELECT runmeta.contract('other', '{"properties": {"rows": {"type": "integer"}}}', 'enforce'), runmeta.contract('checked', NULL);
