SELECT count(document -> 'rows') FROM {table};
