import { yamuxOver } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance('yamux over WebSocket, events, zero masks', yamuxOver('events', 'zero'), {
  bulkBytes: 16 * 1024 * 1024,
});
