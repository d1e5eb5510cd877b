import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, onread, random masks', (t) => connectLinks(t, 'onread', 'random'));
