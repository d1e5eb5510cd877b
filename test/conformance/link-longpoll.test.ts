import { connectPollLinks } from '../support/poll-links.ts';
import { linkConformance } from './link.ts';

linkConformance('long-poll', (t) => connectPollLinks(t));
