import type { FastifyInstance } from 'fastify';
import { getNodeLoad } from '../contract/load.ts';
import type { ApiContext } from './context.ts';
import type { LoadReader } from './load-history.ts';
import { requireNode } from './node-change.ts';
import { answer, serve } from './resource.ts';

export function serveNodeLoad(app: FastifyInstance, { reader }: ApiContext, loads: LoadReader): void {
  serve(app, getNodeLoad, ({ params: { name } }) => {
    requireNode(reader.current(), name);
    return answer(200, loads.ofNode(name));
  });
}
