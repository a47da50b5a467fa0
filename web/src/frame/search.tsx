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
  const [open, setOpen] = useState(false);
  const [first] = [...vms.map((name) => `/vms/${name}`), ...nodes.map((name) => `/nodes/${name}`)];
  return (
    <Combobox
      className={styles.root}
      size="small"
      freeform
      expandIcon={<SearchRegular />}
      placeholder={t('search')}
      aria-label={t('search')}
      value={text}
      // Without a word there is nothing to choose from.
      open={open && wanted !== ''}
      onOpenChange={(_event, data) => setOpen(data.open)}
      onKeyDown={({ key, currentTarget }) => {
        // What was found by its address has another name than was typed: no option is the active one then.
        if (key !== 'Enter' || first === undefined || currentTarget.getAttribute('aria-activedescendant')) return;
        setText('');
        setOpen(false);
        navigate(first);
      }}
      selectedOptions={[]}
      onInput={(event) => {
        setText((event.target as HTMLInputElement).value);
        setOpen(true);
      }}
      onOptionSelect={(_event, { optionValue }) => {
        setText('');
        setOpen(false);
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
