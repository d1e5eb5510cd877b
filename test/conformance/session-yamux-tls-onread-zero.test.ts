import { yamuxOver } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance(
  'yamux over WebSocket, tls-onread, zero masks',
  yamuxOver('tls-onread', 'zero'),
  {
    bulkBytes: 16 * 1024 * 1024,
  },
);
