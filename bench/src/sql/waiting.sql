SELECT count(*) FROM runmeta.inbox
