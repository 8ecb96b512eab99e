/** Every reader of what lies on the disk, comes through local sockets or from a browser keeps its promises, whatever the bytes are. */
import { holdToPromises } from './hold.ts';
import { localTargets } from './targets.ts';

holdToPromises(localTargets);
