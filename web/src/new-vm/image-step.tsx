import {
  Dropdown,
  Field,
  Input,
  makeStyles,
  Option,
  Radio,
  RadioGroup,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { listImages } from '../../../src/contract/images.ts';
import type { ResponseOf } from '../../../src/contract/route.ts';
import { formatBytes } from '../ui/format.ts';
import type { NewVm, Source } from './new-vm-draft.ts';
import type { StepProps } from './step-props.ts';

const useStyles = makeStyles({
  file: { color: tokens.colorNeutralForeground1 },
  hint: { color: tokens.colorNeutralForeground3 },
});

type Library = ResponseOf<typeof listImages>;

/** What the VM boots from. */
export function ImageStep({ draft, change, library }: StepProps & { readonly library: Library | undefined }) {
  const styles = useStyles();
  const { t } = useTranslation('newVm');
  const sources: readonly Source[] = [
    ...(library?.lab === true ? (['lab'] as const) : []),
    ...(['library', 'upload', 'url', 'empty'] as const),
  ];
  return (
    <>
      <Field label={t('source')}>
        <RadioGroup
          value={draft.source}
          onChange={(_event, { value }) => change({ source: value as Source, imageIsIso: false, image: '' })}
        >
          {sources.map((source) => (
            <Radio key={source} value={source} label={t(`sources.${source}`)} />
          ))}
        </RadioGroup>
      </Field>
      {draft.source === 'library' && <LibraryField draft={draft} change={change} library={library} />}
      {draft.source === 'upload' && (
        <Field label={t('file')} hint={t('fileHint')}>
          <input
            type="file"
            className={styles.file}
            accept=".qcow2,.img,.raw,.iso"
            onChange={({ target }) => change(fileOf(target.files?.[0] ?? null))}
          />
        </Field>
      )}
      {draft.source === 'url' && (
        <Field label={t('url')} hint={t('urlHint')}>
          <Input
            type="url"
            value={draft.url}
            placeholder="https://…/debian-12-genericcloud-amd64.qcow2"
            onChange={(_event, { value }) => change({ url: value, imageIsIso: /\.iso([?#]|$)/i.test(value) })}
          />
        </Field>
      )}
      {library !== undefined && (
        <Text size={200} className={styles.hint}>
          {t('free', { bytes: formatBytes(library.freeBytes) })}
        </Text>
      )}
    </>
  );
}

function fileOf(file: File | null): Partial<NewVm> {
  return { file, imageIsIso: /\.iso$/i.test(file?.name ?? '') };
}

function LibraryField({ draft, change, library }: StepProps & { readonly library: Library | undefined }) {
  const { t } = useTranslation('newVm');
  const images = library?.images.filter(({ kind }) => kind !== 'unsuitable') ?? [];
  if (library !== undefined && images.length === 0) return <Text>{t('noImages')}</Text>;
  return (
    <Field label={t('image')} required>
      <Dropdown
        placeholder={t('chooseImage')}
        value={draft.image}
        selectedOptions={[draft.image]}
        onOptionSelect={(_event, { optionValue = '' }) =>
          change({ image: optionValue, imageIsIso: images.find(({ name }) => name === optionValue)?.kind === 'iso' })
        }
      >
        {images.map(({ name, kind, sizeBytes }) => (
          <Option key={name} value={name} text={name}>
            {`${name} · ${kind === 'iso' ? t('installationMedium') : kind} · ${formatBytes(sizeBytes)}`}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}
