import { connectPollLinks } from '../support/poll-links.ts';
import { yamuxOverLinks } from '../support/sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance('yamux over long-poll', yamuxOverLinks(connectPollLinks), {
  bulkBytes: 32 * 1024 * 1024,
});
