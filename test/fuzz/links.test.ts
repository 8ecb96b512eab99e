/** Every reader of what comes before and below the messages of a link keeps its promises, whatever the bytes are. */
import { holdToPromises } from './hold.ts';
import { linkTargets } from './targets.ts';

holdToPromises(linkTargets);
