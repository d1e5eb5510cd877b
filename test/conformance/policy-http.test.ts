import type http from 'node:http';
import { createHttpPolicy } from '../../src/access/policy/http.ts';
import { readJson, startService } from '../support/policies.ts';
import { policyConformance } from './policy.ts';

const words = '\u001b[2J\r\n\u202e';

async function answer(request: http.IncomingMessage, response: http.ServerResponse) {
  const { service, key = '' } = (await readJson(request)) as { service: string; key?: string };
  const say = (value: unknown): unknown => response.end(JSON.stringify(value));
  if (service === 'good') say({ allow: true, reason: `good ${words} ${key}` });
  else if (service === 'bad') say({ allow: false, reason: `bad ${words} ${key}` });
  else if (service === 'fail') response.destroy();
  else if (service === 'nonsense') say({ allow: 'yes', reason: words });
  else if (service !== 'endless') say({ allow: false });
}

policyConformance(
  'HTTP',
  async (t) => {
    const url = await startService(t, (request, response) => void answer(request, response));
    const policy = createHttpPolicy({ url, place: 'policy[0]', timeoutMs: 1_000 });
    t.after(() => policy.close());
    return policy;
  },
  { asksOthers: true },
);
