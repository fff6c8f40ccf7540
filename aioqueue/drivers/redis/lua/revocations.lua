-- include: marks.lua

-- KEYS  prefix
-- ARGV  targets: msgpack array
-- Returns the mark that holds for each target, nil where there is none.
-- Guarantee: writes nothing.
return marks_on(cmsgpack.unpack(ARGV[1]))
