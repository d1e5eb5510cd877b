import { createRulesPolicy } from '../../src/access/policy/rules.ts';
import { policyConformance, services } from './policy.ts';

policyConformance(
  'rules',
  async () =>
    createRulesPolicy({
      place: 'policy[0]',
      next: null,
      rules: [
        { name: 'the good', services: [services.allowed], effect: 'allow' },
        { name: 'the bad', services: [services.denied], effect: 'deny' },
      ],
    }),
  { asksOthers: false },
);
