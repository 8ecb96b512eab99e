/** Every reader of what other nodes send or have stored keeps its promises, whatever the bytes are. */
import { holdToPromises } from './hold.ts';
import { networkTargets } from './targets.ts';

holdToPromises(networkTargets);
