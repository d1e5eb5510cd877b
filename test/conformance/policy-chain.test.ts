import { createPolicyChain } from '../../src/access/policy/chain.ts';
import { temporaryFile } from '../support/files.ts';
import { policyConformance, services } from './policy.ts';

const script = `
function connect(request)
  local service = request:gatename()
  if service == "endless" then while true do end end
  if service == "fail" then error(request:key()) end
  return service == "good"
end`;

policyConformance(
  'rules, then Lua',
  async (t) => {
    const lua = temporaryFile(t, 'access.lua', script);
    const policy = await createPolicyChain([
      { rules: [{ services: [services.denied], effect: 'deny' }, { effect: 'ask' }] },
      { lua },
    ]);
    t.after(() => policy.close());
    return policy;
  },
  { asksOthers: true },
);
