import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { evictNode } from '../../../src/contract/join.ts';
import {
  cancelDrain,
  confirmDead,
  drainNode,
  pauseNode,
  removeFencing,
  resumeNode,
  setFencing,
  testFencing,
} from '../../../src/contract/nodes.ts';
import { useClient } from '../session/client-context.ts';
import { type RunOptions, useRun } from '../ui/use-run.tsx';

export interface FencingSettings {
  readonly agent: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Asks the cluster for what can be done to a node; each says at once that it has begun, and how it ended. */
export function useNodeRequests() {
  const client = useClient();
  const run = useRun();
  const queries = useQueryClient();
  const { t } = useTranslation('nodeActions');
  const act = async <T>(options: RunOptions<T>): Promise<T | undefined> => {
    const result = await run(options);
    void queries.invalidateQueries({ queryKey: ['node'] });
    return result;
  };
  const params = ({ name }: NodeView) => ({ params: { name } });
  return {
    pause: (node: NodeView) =>
      act({
        ...{ what: t('doing.pause', { node: node.name }), done: () => t('done.pause', { node: node.name }) },
        call: () => client.call(pauseNode, params(node)),
      }),
    drain: (node: NodeView) =>
      act({ what: t('doing.drain', { node: node.name }), call: () => client.call(drainNode, params(node)) }),
    cancelDrain: (node: NodeView) =>
      act({
        ...{ what: t('doing.cancelDrain', { node: node.name }) },
        call: () => client.call(cancelDrain, params(node)),
      }),
    resume: (node: NodeView, failback: boolean) =>
      act({
        ...{ what: t('doing.resume', { node: node.name }) },
        call: () => client.call(resumeNode, { ...params(node), body: { failback } }),
        done: () => t(failback ? 'done.resumeFailback' : 'done.resume', { node: node.name }),
      }),
    evict: (node: NodeView) =>
      act({
        ...{ what: t('doing.evict', { node: node.name }), done: () => t('done.evict', { node: node.name }) },
        call: () => client.call(evictNode, params(node)),
      }),
    confirmDead: (node: NodeView) =>
      act({
        ...{ what: t('doing.confirmDead', { node: node.name }) },
        call: () => client.call(confirmDead, { ...params(node), body: { confirm: node.name } }),
        done: () => t('done.confirmDead', { node: node.name }),
      }),
    setFencing: (node: NodeView, { agent, options }: FencingSettings) =>
      act({
        ...{ what: t('doing.setFencing', { node: node.name }) },
        call: () => client.call(setFencing, { ...params(node), body: { agent, options: { ...options } } }),
        done: () => t('done.setFencing', { node: node.name }),
      }),
    testFencing: (node: NodeView) =>
      act({
        ...{ what: t('doing.testFencing', { node: node.name }) },
        call: () => client.call(testFencing, params(node)),
        done: ({ state, askedBy }) => t('done.test', { by: askedBy, node: node.name, state: t(`power.${state}`) }),
      }),
    removeFencing: (node: NodeView) =>
      act({
        ...{ what: t('doing.removeFencing', { node: node.name }) },
        call: () => client.call(removeFencing, params(node)),
        done: () => t('done.removeFencing', { node: node.name }),
      }),
  };
}
