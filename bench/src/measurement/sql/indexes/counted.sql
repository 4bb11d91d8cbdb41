SELECT current_setting('bench.pages')::float8
