SELECT current_setting('bench.seconds')::float8
