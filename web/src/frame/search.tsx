import { Combobox, makeStyles, Option, OptionGroup } from '@fluentui/react-components';
import { SearchRegular } from '@fluentui/react-icons';
import { useDeferredValue, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useNodes, useVms } from '../live/live-hooks.ts';

const SHOWN_MAX = 8;

const useStyles = makeStyles({ root: { width: '100%', maxWidth: '28rem', minWidth: 0 } });

/** VMs and nodes by name, address or MAC address. */
export function Search() {
  const styles = useStyles();
  const { t } = useTranslation('frame');
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const { vms, nodes } = useFound(wanted);
  return (
    <Combobox
      className={styles.root}
      size="small"
      freeform
      expandIcon={<SearchRegular />}
      placeholder={t('search')}
      aria-label={t('search')}
      value={text}
      selectedOptions={[]}
      onInput={(event) => setText((event.target as HTMLInputElement).value)}
      onOptionSelect={(_event, { optionValue }) => {
        setText('');
        if (optionValue !== undefined) navigate(optionValue);
      }}
    >
      {wanted !== '' && vms.length + nodes.length === 0 && (
        <Option disabled text="">
          {t('nothingFound')}
        </Option>
      )}
      {vms.length > 0 && (
        <OptionGroup label={t('vms')}>
          {vms.map((name) => (
            <Option key={name} value={`/vms/${name}`} text={name}>
              {name}
            </Option>
          ))}
        </OptionGroup>
      )}
      {nodes.length > 0 && (
        <OptionGroup label={t('nodes')}>
          {nodes.map((name) => (
            <Option key={name} value={`/nodes/${name}`} text={name}>
              {name}
            </Option>
          ))}
        </OptionGroup>
      )}
    </Combobox>
  );
}

function useFound(wanted: string): { readonly vms: readonly string[]; readonly nodes: readonly string[] } {
  const vms = useVms();
  const nodes = useNodes();
  return useMemo(() => {
    if (wanted === '') return { vms: [], nodes: [] };
    const has = (...texts: readonly string[]) => texts.some((text) => text.toLowerCase().includes(wanted));
    const macs = (vm: (typeof vms)[number]) => vm.nics.map((nic) => nic.macAddress);
    return {
      vms: vms
        .filter((vm) => has(vm.name, ...vm.addresses, ...macs(vm)))
        .slice(0, SHOWN_MAX)
        .map(({ name }) => name),
      nodes: nodes
        .filter((node) => has(node.name, ...node.addresses))
        .slice(0, SHOWN_MAX)
        .map(({ name }) => name),
    };
  }, [vms, nodes, wanted]);
}
