import { connectPlainLinks } from '../support/plain-links.ts';
import { linkConformance } from './link.ts';

linkConformance('plain, over a Unix socket', connectPlainLinks);
