/**
 * The module `json` of scripts, in Lua: `encode(value)` and `decode(text)`, each of which answers nil
 * and a message for what cannot be done. It stands inside of the sandbox, so that values cross its
 * border as text only: byte 0 and deep nesting do no harm to what is outside.
 *
 * As JSON has one kind of number and Lua tables no kind at all: whole numbers are integers where they
 * fit, an empty table is `[]`, a table with the keys 1 to n an array, and null is nil.
 */
export const LUA_JSON = String.raw`
local byte, char, find, format, gsub, match, sub =
  string.byte, string.char, string.find, string.format, string.gsub, string.match, string.sub
local concat, utf8char, mathtype, tonumber, tostring, type, next, pairs, pcall, error =
  table.concat, utf8.char, math.type, tonumber, tostring, type, next, pairs, pcall, error
local DEPTH_MAX <const> = 100

local escapes = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' }

local function wrong(at, what)
  error('json: ' .. what .. ' at byte ' .. at, 0)
end

local function unicode(text, at)
  local digits = match(text, '^%x%x%x%x', at)
  if not digits then wrong(at, 'no four hex digits') end
  return tonumber(digits, 16)
end

-- Reads the string whose opening quote stands before the byte. Answers it and where it goes on.
local function readString(text, at)
  local pieces = {}
  while true do
    local stop = find(text, '["\\%c]', at)
    if not stop then wrong(at, 'a string that does not end') end
    pieces[#pieces + 1] = sub(text, at, stop - 1)
    local found = sub(text, stop, stop)
    if found == '"' then return concat(pieces), stop + 1 end
    if found ~= '\\' and byte(found) < 127 then wrong(stop, 'a control character in a string') end
    local mark = sub(text, stop + 1, stop + 1)
    if found ~= '\\' then
      pieces[#pieces + 1], at = found, stop + 1
    elseif mark == 'u' then
      local code = unicode(text, stop + 2)
      at = stop + 6
      if code >= 0xD800 and code < 0xDC00 and sub(text, at, at + 1) == '\\u' then
        local low = unicode(text, at + 2)
        if low >= 0xDC00 and low < 0xE000 then
          code, at = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00), at + 6
        end
      end
      pieces[#pieces + 1] = (code < 0xD800 or code > 0xDFFF) and utf8char(code) or '\u{FFFD}'
    else
      if not escapes[mark] then wrong(stop, 'an unknown escape') end
      pieces[#pieces + 1], at = escapes[mark], stop + 2
    end
  end
end

local function skip(text, at)
  return find(text, '[^ \t\r\n]', at) or #text + 1
end

local readValue

local function readArray(text, at, depth)
  local array, n = {}, 0
  at = skip(text, at)
  if sub(text, at, at) == ']' then return array, at + 1 end
  while true do
    n = n + 1
    array[n], at = readValue(text, at, depth)
    at = skip(text, at)
    local mark = sub(text, at, at)
    if mark == ']' then return array, at + 1 end
    if mark ~= ',' then wrong(at, 'neither a comma nor the end of an array') end
    at = at + 1
  end
end

local function readObject(text, at, depth)
  local object, key = {}, nil
  at = skip(text, at)
  if sub(text, at, at) == '}' then return object, at + 1 end
  while true do
    at = skip(text, at)
    if sub(text, at, at) ~= '"' then wrong(at, 'a key that is no string') end
    key, at = readString(text, at + 1)
    at = skip(text, at)
    if sub(text, at, at) ~= ':' then wrong(at, 'no colon behind a key') end
    object[key], at = readValue(text, at + 1, depth)
    at = skip(text, at)
    local mark = sub(text, at, at)
    if mark == '}' then return object, at + 1 end
    if mark ~= ',' then wrong(at, 'neither a comma nor the end of an object') end
    at = at + 1
  end
end

local function readNumber(text, at)
  local whole = match(text, '^-?%d+', at)
  if not whole or match(whole, '^-?0%d') then wrong(at, 'no value') end
  local fraction = match(text, '^%.%d+', at + #whole) or ''
  local power = match(text, '^[eE][+-]?%d+', at + #whole + #fraction) or ''
  local written = whole .. fraction .. power
  return tonumber(written), at + #written
end

function readValue(text, at, depth)
  at = skip(text, at)
  local mark = sub(text, at, at)
  if mark == '"' then return readString(text, at + 1) end
  if depth == DEPTH_MAX and (mark == '{' or mark == '[') then wrong(at, 'too deep nesting') end
  if mark == '{' then return readObject(text, at + 1, depth + 1) end
  if mark == '[' then return readArray(text, at + 1, depth + 1) end
  local word = match(text, '^%a+', at)
  if word == 'true' then return true, at + 4 end
  if word == 'false' then return false, at + 5 end
  if word == 'null' then return nil, at + 4 end
  return readNumber(text, at)
end

local function read(text)
  if type(text) ~= 'string' then error('json: what is to be decoded is no string', 0) end
  local value, at = readValue(text, 1, 0)
  at = skip(text, at)
  if at <= #text then wrong(at, 'more behind the value') end
  return value
end

local function escape(found)
  return format('\\u%04x', byte(found))
end

local function writeString(text)
  return '"' .. gsub(text, '[%c"\\]', escape) .. '"'
end

local function writeNumber(number)
  if mathtype(number) == 'integer' then return format('%d', number) end
  if number ~= number or number == 1 / 0 or number == -1 / 0 then
    error('json: no number for JSON: ' .. tostring(number), 0)
  end
  return format('%.17g', number)
end

local function writeValue(value, depth)
  if depth > DEPTH_MAX then error('json: too deep nesting, or a table inside of itself', 0) end
  local kind = type(value)
  if kind == 'nil' or kind == 'boolean' then return kind == 'nil' and 'null' or tostring(value) end
  if kind == 'number' then return writeNumber(value) end
  if kind == 'string' then return writeString(value) end
  if kind ~= 'table' then error('json: a ' .. kind .. ' has no form in JSON', 0) end
  local pieces, count = {}, 0
  for _ in next, value do count = count + 1 end
  if count == #value then
    for i = 1, count do pieces[i] = writeValue(value[i], depth + 1) end
    return '[' .. concat(pieces, ',') .. ']'
  end
  for key, inner in next, value do
    if type(key) ~= 'string' then error('json: a table with keys of several kinds', 0) end
    pieces[#pieces + 1] = writeString(key) .. ':' .. writeValue(inner, depth + 1)
  end
  return '{' .. concat(pieces, ',') .. '}'
end

local function answer(ok, value)
  if ok then return value end
  return nil, tostring(value)
end

local json = {
  decode = function(text) return answer(pcall(read, text)) end,
  encode = function(value) return answer(pcall(writeValue, value, 0)) end,
}
`;
