SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM runmeta.inbox_id_seq AS s
