TRUNCATE {table};
INSERT INTO {table} SELECT document || '{}' FROM original, generate_series(1, 100);
