import { MessageBar, MessageBarBody, MessageBarTitle, Text } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { DrainDialog } from './drain-dialog.tsx';
import { FencingDialog } from './fencing-dialog.tsx';
import { useNodeDetail } from './use-node-detail.ts';
import { useNodeRequests } from './use-node-requests.ts';

export type NodeDialogName = 'drain' | 'evict' | 'confirm-dead' | 'fencing';

interface DialogProps {
  readonly node: NodeView;
  readonly onClose: () => void;
}

export function NodeDialog({ name, node, onClose }: DialogProps & { readonly name: NodeDialogName }) {
  const requests = useNodeRequests();
  switch (name) {
    case 'drain':
      return <DrainDialog node={node} onClose={onClose} onConfirm={() => void requests.drain(node)} />;
    case 'evict':
      return <EvictDialog node={node} onClose={onClose} />;
    case 'confirm-dead':
      return <ConfirmDeadDialog node={node} onClose={onClose} />;
    case 'fencing':
      return <LoadedFencingDialog node={node} onClose={onClose} />;
  }
}

function EvictDialog({ node, onClose }: DialogProps) {
  const { t } = useTranslation('nodeActions');
  const [, navigate] = useLocation();
  const requests = useNodeRequests();
  return (
    <ConfirmDialog
      danger
      title={t('evictTitle', { node: node.name })}
      confirmLabel={t('evictConfirm')}
      typed={node.name}
      onClose={onClose}
      onConfirm={() =>
        void requests.evict(node).then((evicted) => {
          if (evicted !== undefined) navigate('/nodes');
        })
      }
    >
      <Text>{t('evictText')}</Text>
    </ConfirmDialog>
  );
}

/** The one promise that nobody checks: what it means is said before it is made. */
function ConfirmDeadDialog({ node, onClose }: DialogProps) {
  const { t } = useTranslation('nodeActions');
  const requests = useNodeRequests();
  return (
    <ConfirmDialog
      danger
      title={t('deadTitle', { node: node.name })}
      confirmLabel={t('deadConfirm')}
      typed={node.name}
      onClose={onClose}
      onConfirm={() => void requests.confirmDead(node)}
    >
      <MessageBar intent="warning" layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>{t('deadWarning')}</MessageBarTitle> {t('deadText', { node: node.name })}
        </MessageBarBody>
      </MessageBar>
      <Text>{t('deadHow')}</Text>
    </ConfirmDialog>
  );
}

function LoadedFencingDialog({ node, onClose }: DialogProps) {
  const requests = useNodeRequests();
  const { data } = useNodeDetail(node.name);
  if (data === undefined) return null;
  return (
    <FencingDialog
      node={node}
      before={data.powerFencing}
      onClose={onClose}
      onSave={(settings) => void requests.setFencing(node, settings)}
    />
  );
}
