/** The entry of the disk's thread: one service for each store that joins (disk-service.ts). */
import { parentPort } from 'node:worker_threads';
import { assert } from '../keys/index.ts';
import { serve } from './disk-service.ts';
import type { DiskJoin } from './messages.ts';

assert(parentPort, 'this file is the entry of a worker');
parentPort.on('message', ({ port, data }: DiskJoin) => void serve(port, data));
