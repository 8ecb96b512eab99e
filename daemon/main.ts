/** The program: hands the command line and the standard streams to the commands, and ends with the status that they answer. */
import { runCli } from './cli/run.ts';
import { systemIo } from './cli/io.ts';

process.exit(await runCli(process.argv.slice(2), systemIo()));
