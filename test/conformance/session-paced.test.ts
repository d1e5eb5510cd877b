import { paced } from '../support/paced-sessions.ts';
import { yamuxOver } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

const MB = 1024 * 1024;

sessionConformance('yamux, paced at 100 MB/s', paced(yamuxOver('onread', 'zero'), 100 * MB), {
  bulkBytes: 16 * MB,
});
