/**
 * The surroundings of a script, in Lua 5.4: what it may use, the modules `http` and `json`, and the
 * one function that the outside calls. Everything that crosses the border is text.
 *
 * The contract is that of Hubble's scripts: a global function `connect(request)`, which answers true
 * or false, and a fresh state for each question.
 */
import { LUA_JSON } from './json.ts';

/** Takes the text of a request to an HTTP service, waits, and gives the text of its answer. */
export const EXCHANGE = '__exchange';

/** What a script wants of an HTTP service. */
export interface ScriptCall {
  readonly method: string;
  readonly url: string;
  /** An empty table has no kind: then it is an empty list. */
  readonly headers: Readonly<Record<string, string>> | readonly [];
  readonly body: string;
}

/** What it got, or what went wrong. */
export type ScriptCallAnswer =
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly wrong: string };

/** What a script is asked. Empty and 0 stand for what is not there, as they do in Hubble. */
export interface ScriptQuestion {
  readonly ip: string;
  readonly port: number;
  readonly gatename: string;
  readonly key: string;
  readonly action: string;
  readonly identity: string;
  readonly consumer: string;
}

/** The script's own answer, or why there is none. */
export type ScriptAnswer =
  | { readonly allow: boolean; readonly reason?: string }
  | { readonly wrong: string };

/**
 * Evaluates to a function: of the script's text, its name, and the text of a question it makes the
 * text of an answer. Without a question it says what is wrong with the
 * script, in plain text: nothing, if it can be run.
 */
export const LUA_SANDBOX = String.raw`
local exchange, global = ${EXCHANGE}, _G
${EXCHANGE} = nil
local compile, ipairs, rawget = load, ipairs, rawget
${LUA_JSON}
-- No files, no byte code, no say over memory, nothing to print to.
for _, name in ipairs { 'dofile', 'loadfile', 'collectgarbage', 'warn' } do global[name] = nil end
string.dump = nil
function global.print() end
function global.load(chunk, name, _, ...)
  return compile(chunk, name, 't', ...)
end

-- What scripts for Lua 5.1 expect.
global.unpack = table.unpack
function global.loadstring(text, name) return compile(text, name, 't') end
function math.pow(x, y) return x ^ y end
function table.getn(list) return #list end

local known = { headers = true, body = true, form = true, query = true }

local function request(method, url, options)
  if type(method) ~= 'string' or type(url) ~= 'string' then
    error('http: the method and the URL are strings', 3)
  end
  options = options or {}
  for name in pairs(options) do
    if not known[name] then error('http: there is no option ' .. tostring(name), 3) end
  end
  local headers = {}
  for name, value in pairs(options.headers or {}) do headers[tostring(name)] = tostring(value) end
  if options.query then
    url = url .. (find(url, '?', 1, true) and '&' or '?') .. tostring(options.query)
  end
  if options.form then headers['Content-Type'] = 'application/x-www-form-urlencoded' end
  local body = tostring(options.form or options.body or '')
  local call = writeValue({ method = method, url = url, headers = headers, body = body }, 0)
  local answer = read(exchange(call))
  if answer.wrong then return nil, answer.wrong end
  return {
    status_code = answer.status,
    headers = answer.headers,
    body = answer.body,
    body_size = #answer.body,
    url = url,
  }
end

local http = { request = request }
for _, method in ipairs { 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE' } do
  http[string.lower(method)] = function(url, options) return request(method, url, options) end
end

local modules = { http = http, json = json }
function global.require(name)
  return modules[name] or error('there is no module ' .. tostring(name) .. ', only http and json', 2)
end

local function refuse(what)
  local ok, text = pcall(tostring, what)
  return writeValue({ wrong = sub(ok and type(text) == 'string' and text or 'an error without words', 1, 1000) }, 0)
end

local getters = { 'ip', 'port', 'gatename', 'key', 'action', 'identity', 'consumer' }

local function requestOf(question)
  local made = {}
  for _, name in ipairs(getters) do
    local value = question[name]
    made[name] = function() return value end
  end
  return made
end

return function(script, name, question)
  local chunk, syntax = compile(script, name, 't')
  if not question then return chunk and '' or syntax end
  if not chunk then return refuse(syntax) end
  local ran, failure = pcall(chunk)
  if not ran then return refuse(failure) end
  local connect = rawget(global, 'connect')
  if type(connect) ~= 'function' then return refuse('there is no global function connect') end
  local answered, allow, reason = pcall(connect, requestOf(read(question)))
  if not answered then return refuse(allow) end
  if type(allow) ~= 'boolean' then
    return refuse('connect answered a ' .. type(allow) .. ', neither true nor false')
  end
  return writeValue({ allow = allow, reason = type(reason) == 'string' and sub(reason, 1, 1000) or nil }, 0)
end
`;
