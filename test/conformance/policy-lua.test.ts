import { luaPolicy } from '../support/policies.ts';
import { policyConformance } from './policy.ts';

const script = `
local verdicts = {
  good = function() return true, "good\\27[2J\\n" end,
  bad = function() return false, "bad\\27[2J\\n" end,
  fail = function() error("failed\\27[2J\\n") end,
  nonsense = function() return "good" end,
  endless = function() while true do end end,
}
function connect(request)
  local verdict = verdicts[request:gatename()]
  if not verdict then return false end
  local allow, why = verdict()
  return allow, why and why .. request:key()
end`;

policyConformance('Lua', (t) => luaPolicy(t, script), { asksOthers: true });
