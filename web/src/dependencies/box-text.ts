import { useTranslation } from 'react-i18next';
import { formatBytes } from '../ui/format.ts';
import type { Box, Why } from './dependency-graph.ts';

export interface BoxText {
  readonly kind: string;
  readonly name: string;
  /** Second line: kind, state and what else is short enough. */
  readonly detail: string;
  /** Why it looks as it does. `english`: a sentence of the server. */
  readonly why: readonly { readonly text: string; readonly english: boolean }[];
}

/** The words of a box in the page's language. */
export function useBoxText(): (box: Box) => BoxText {
  const { t } = useTranslation(['dependencies', 'ui']);
  const stateText = (box: Box) => {
    if (box.state === undefined) return '';
    return box.kind === 'vm' ? t(`ui:vmStates.${box.state}` as 'ui:vmStates.off') : nodeState(box.state);
  };
  const nodeState = (state: string) => t(`ui:nodeStates.${state}` as 'ui:nodeStates.up');
  const whyText = (why: Why): BoxText['why'][number] => {
    const named = (key: 'missingOn' | 'missingOnOwner' | 'onlyNodes' | 'together', names: readonly string[]) =>
      t(`dependencies:why.${key}`, { nodes: names.join(', ') });
    switch (why.key) {
      case 'server':
        return { text: why.text, english: true };
      case 'lacks':
        return { text: t('dependencies:why.lacks', { what: why.what.join(', ') }), english: false };
      case 'missingOn':
      case 'missingOnOwner':
      case 'onlyNodes':
      case 'together':
        return { text: named(why.key, why.nodes), english: false };
      case 'owner':
      case 'possible':
      case 'excluded':
      case 'everywhere':
      case 'nowhere':
      case 'noVolume':
      case 'anyNode':
        return { text: t(`dependencies:why.${why.key}`), english: false };
    }
  };
  return (box) => {
    const kind = t(`dependencies:kinds.${box.kind}`);
    const size = box.sizeBytes === undefined ? '' : formatBytes(box.sizeBytes);
    const detail = [stateText(box), box.detail, size].filter((part) => part !== '').join(' · ');
    const name =
      box.kind === 'owners'
        ? kind
        : box.kind === 'nodes'
          ? t('dependencies:nodesCount', { count: Number(box.name) })
          : box.name;
    return { kind, name, detail, why: box.why.map(whyText) };
  };
}
