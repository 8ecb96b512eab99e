/** The answer of `rpc.discover`: an OpenRPC 1.3.2 document made from the table that also checks the calls, so it can't be wrong. */
import { z } from 'zod';
import { api, errorTable, type ErrorCode } from '../../client/index.ts';

/** What any call can answer besides the codes of its method. */
const anyCall: readonly ErrorCode[] = ['usage', 'locked', 'overloaded', 'daemon_stopping', 'failed'];

export function openRpcDocument(version: string) {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'mimeo',
      version,
      description:
        'One JSON object a line on a Unix socket; named parameters; a result is always an object (docs/spec/rpc.md).',
    },
    methods: Object.entries(api).map(([name, method]) => ({
      name,
      summary: method.summary,
      paramStructure: 'by-name',
      params: contentDescriptors(method.params),
      result: { name: 'result', schema: jsonSchema(method.result) },
      errors: [...new Set([...method.errors, ...anyCall])].map((code) => ({
        code: errorTable[code].rpc,
        message: errorTable[code].hint,
        data: { code, retryable: errorTable[code].retryable },
      })),
    })),
  };
}

function contentDescriptors(params: z.ZodObject) {
  return Object.entries(params.shape).map(([name, schema]) => ({
    name,
    required: !z.safeParse(schema, undefined).success,
    schema: jsonSchema(schema),
  }));
}

function jsonSchema(schema: z.core.$ZodType): object {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
