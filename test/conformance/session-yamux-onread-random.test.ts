import { yamuxOver } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance('yamux over WebSocket, onread, random masks', yamuxOver('onread', 'random'), {
  bulkBytes: 16 * 1024 * 1024,
});
