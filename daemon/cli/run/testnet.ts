/** `mimeo testnet`: reads its options and hands over. */
import { UserError } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';

export async function testnet(call: Invocation): Promise<number> {
  const nodes = call.text('nodes');
  if (nodes !== undefined && !/^[1-9]\d{0,3}$/.test(nodes))
    throw new UserError('usage', `--nodes ${nodes}: expected a number`);
  const { runTestnet } = await import('../../testnet/testnet.ts');
  return runTestnet({ ...(nodes !== undefined && { nodes: Number(nodes) }), once: call.flag('once') });
}
