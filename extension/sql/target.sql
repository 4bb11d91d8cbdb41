-- target

CREATE TYPE runmeta.target AS ENUM ('self', 'parent', 'root');

COMMENT ON TYPE runmeta.target IS 'whose document an operation changes';
