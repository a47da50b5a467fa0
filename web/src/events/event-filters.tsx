import {
  Button,
  Combobox,
  Dropdown,
  makeStyles,
  Option,
  OptionGroup,
  SearchBox,
  Switch,
  tokens,
} from '@fluentui/react-components';
import { DismissRegular } from '@fluentui/react-icons';
import { useDeferredValue, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EventView } from '../../../src/contract/events.ts';
import { EVENT_KINDS } from '../../../src/model/events.ts';
import { useNodes, useVms } from '../live/live-hooks.ts';
import type { EventFilter } from './select-events.ts';

const useStyles = makeStyles({
  bar: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    padding: `0 ${tokens.spacingHorizontalL} ${tokens.spacingVerticalS}`,
  },
  search: { flexGrow: 1, minWidth: '12rem', maxWidth: '28rem' },
  choice: { minWidth: '8.5rem', width: '13rem' },
  input: { minWidth: 0, width: '100%' },
});

/** So many VMs are offered; typing narrows them down. */
const VMS_OFFERED = 50;

interface FiltersProps {
  readonly filter: EventFilter;
  readonly onChange: (filter: EventFilter) => void;
}

export function EventFilters({ filter, onChange }: FiltersProps) {
  const styles = useStyles();
  const { t } = useTranslation('events');
  const set = (change: { readonly [K in keyof EventFilter]: EventFilter[K] | undefined }) => {
    const next = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined && value !== '');
    onChange(Object.fromEntries(next) as EventFilter);
  };
  return (
    <search className={styles.bar}>
      <SearchBox
        size="small"
        className={styles.search}
        aria-label={t('filterText')}
        placeholder={t('filterText')}
        value={filter.text ?? ''}
        onChange={(_event, { value }) => set({ text: value })}
      />
      <VmChoice vm={filter.vm} onChoose={(vm) => set({ vm })} />
      <NodeChoice node={filter.node} onChoose={(node) => set({ node })} />
      <KindChoice kind={filter.kind} onChoose={(kind) => set({ kind })} />
      <Switch
        label={t('onlyCritical')}
        checked={filter.critical === true}
        onChange={(_event, { checked }) => set({ critical: checked ? true : undefined })}
      />
      {Object.keys(filter).length > 0 && (
        <Button size="small" appearance="subtle" icon={<DismissRegular />} onClick={() => onChange({})}>
          {t('clearFilters')}
        </Button>
      )}
    </search>
  );
}

function VmChoice(props: { readonly vm: string | undefined; readonly onChoose: (vm: string | undefined) => void }) {
  const { vm, onChoose } = props;
  const styles = useStyles();
  const { t } = useTranslation('events');
  const vms = useVms();
  const [typed, setTyped] = useState<string | null>(null);
  const part = useDeferredValue(typed?.toLowerCase() ?? '');
  const offered = useMemo(
    () => vms.filter(({ name }) => name.toLowerCase().includes(part)).slice(0, VMS_OFFERED),
    [vms, part],
  );
  return (
    <Combobox
      size="small"
      clearable
      className={styles.choice}
      input={{ className: styles.input }}
      aria-label={t('vm')}
      placeholder={t('anyVm')}
      value={typed ?? vm ?? ''}
      selectedOptions={vm === undefined ? [] : [vm]}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => setTyped(null)}
      onOptionSelect={(_event, { optionValue }) => {
        setTyped(null);
        onChoose(optionValue);
      }}
    >
      {offered.map(({ name }) => (
        <Option key={name} value={name}>
          {name}
        </Option>
      ))}
    </Combobox>
  );
}

function NodeChoice(props: {
  readonly node: string | undefined;
  readonly onChoose: (node: string | undefined) => void;
}) {
  const { node, onChoose } = props;
  const styles = useStyles();
  const { t } = useTranslation('events');
  const nodes = useNodes();
  return (
    <Dropdown
      size="small"
      clearable
      className={styles.choice}
      aria-label={t('node')}
      placeholder={t('anyNode')}
      value={node ?? ''}
      selectedOptions={node === undefined ? [] : [node]}
      onOptionSelect={(_event, { optionValue }) => onChoose(optionValue)}
    >
      {nodes.map(({ name }) => (
        <Option key={name} value={name}>
          {name}
        </Option>
      ))}
    </Dropdown>
  );
}

type Kind = EventView['kind'];

function groupOf(kind: Kind): 'nodes' | 'vms' | 'cluster' {
  if (kind.startsWith('vm-')) return 'vms';
  const cluster = kind.startsWith('availability-') || kind.startsWith('store-') || kind === 'certificate-renewed';
  return cluster ? 'cluster' : 'nodes';
}

function KindChoice(props: { readonly kind: Kind | undefined; readonly onChoose: (kind: Kind | undefined) => void }) {
  const { kind, onChoose } = props;
  const styles = useStyles();
  const { t } = useTranslation('events');
  return (
    <Dropdown
      size="small"
      clearable
      className={styles.choice}
      aria-label={t('kind')}
      placeholder={t('anyKind')}
      value={kind === undefined ? '' : t(`kinds.${kind}`)}
      selectedOptions={kind === undefined ? [] : [kind]}
      onOptionSelect={(_event, { optionValue }) => onChoose(optionValue as Kind | undefined)}
    >
      {(['nodes', 'vms', 'cluster'] as const).map((group) => (
        <OptionGroup key={group} label={t(`groups.${group}`)}>
          {EVENT_KINDS.filter((one) => groupOf(one) === group).map((one) => (
            <Option key={one} value={one}>
              {t(`kinds.${one}`)}
            </Option>
          ))}
        </OptionGroup>
      ))}
    </Dropdown>
  );
}
