import { yamuxOver } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance('yamux over WebSocket, onread, zero masks', yamuxOver('onread', 'zero'), {
  bulkBytes: 64 * 1024 * 1024,
});
