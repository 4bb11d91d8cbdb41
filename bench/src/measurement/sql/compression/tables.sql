CREATE TEMP TABLE original AS
SELECT jsonb_build_object('rows', jsonb_agg(jsonb_build_object('id', i, 'name', 'row number ' || i, 'ok', true, 'ratio', i * 0.37))) AS document
FROM generate_series(1, 4250) AS i;
CREATE TEMP TABLE lz4 (document jsonb COMPRESSION lz4);
CREATE TEMP TABLE pglz (document jsonb COMPRESSION pglz);
