import type { PartWords } from './en'
import { formats } from '../formats'

const { number, plural, when } = formats('pt-BR')

const items = (n: number) => plural(n, { one: '# item', other: '# itens' })

/** Words in Brazilian Portuguese of the parts that are loaded at their first use. */
export const ptBRParts: PartWords = {
  share: {
    title: 'Compartilhar esta lista',
    edit: 'Link para editar',
    editAbout: 'Quem o tiver pode alterar a lista.',
    read: 'Link para ver',
    readAbout: 'Quem o tiver vê a lista enquanto ela muda, mas não pode alterá-la.',
    openLink: 'Link da lista',
    openAbout: 'Quem o conhece vê a lista e pode alterá-la.',
    copy: 'Copiar',
    send: 'Enviar…',
    code: 'Código QR',
    codeOf: (link: string) => `Código QR: ${link}`,
    secret: 'A chave é a parte depois do sinal #. Trate-a como uma senha: ela não pode ser revogada, só trocada por uma nova.',
  },

  paste: {
    room: (most, room) => `Uma lista pode ter no máximo ${items(most)}, e nesta ${plural(room, { one: 'cabe mais #', other: 'cabem mais #' })}.`,
    longLines: (n) => plural(n, { one: 'Uma das linhas é longa demais para um título e ficaria de fora.', other: '# das linhas são longas demais para um título e ficariam de fora.' }),
    pasted: (n) => plural(n, { one: '# linha foi colada.', other: '# linhas foram coladas.' }),
    addFirst: (n) => plural(n, { one: 'Adicionar o primeiro', other: 'Adicionar os # primeiros' }),
    addAll: (n) => `Adicionar ${items(n)}`,
    oneLine: 'Juntar em uma linha',
  },

  save: {
    about: 'Salvar uma cópia:',
    text: 'Texto',
    markdown: 'Markdown',
    json: 'JSON',
  },

  move: {
    newKey: 'Criar uma nova chave',
    newKeyAbout: 'Uma nova chave fecha os links enviados antes. A lista é copiada para uma nova, e esta é apagada com o seu histórico. Envie os novos links a quem deve continuar com a lista.',
    toKey: 'Mover para uma lista com chave',
    toKeyAbout: 'O nome desta lista é a sua única proteção, e nomes ficam em registros e históricos. Ao mover, a lista é copiada para uma nova com chave, e esta é apagada com o seu histórico. Envie o novo link a quem deve continuar com a lista.',
    busy: 'Movendo…',
    notReady: 'Possível quando o servidor tiver todas as alterações.',
    failed: (why) => `A lista não foi movida, e nada se perdeu. ${why}`,
  },

  keys: {
    add: 'Adicionar um item',
    undo: 'Desfazer a última alteração; de novo, a anterior',
    buttons: 'Ir aos botões de um item',
    rows: 'Ir a outro item; em ⠿, mover o item',
    ends: 'Ir ao primeiro ou ao último item; em ⠿, mover o item para lá',
    enter: 'Salvar um título, ou acionar um botão',
    escape: 'Deixar um título como estava',
    help: 'Mostrar esta lista',
    single: 'Usar / e ?',
  },

  storage: {
    silent: 'O armazenamento da página não responde.',
    full: 'Não há mais espaço neste aparelho para guardar alterações não salvas.',
    newer: 'Uma versão mais nova desta página usou o armazenamento deste navegador. Recarregue a página.',
    closed: 'O navegador fechou o armazenamento desta página. Recarregue a página.',
    forbidden: 'Este navegador não deixa a página guardar nada neste aparelho.',
    unkept: 'Mantenha esta página aberta até ela dizer “salvo”, ou o que ainda não está no servidor se perde.',
    onServer: 'As alterações são salvas só no servidor; mantenha a página aberta enquanto ela disser que há alterações pendentes.',
  },

  refusal: {
    change: 'Uma alteração',
    more: (what, n) => `${what} e mais ${number(n)}`,
    listTitle: 'o título da lista',
    renamed: (was, theirs, yours) => `Alguém mudou ${was} para ${theirs} enquanto você mudava para ${yours}. A lista mostra ${theirs}.`,
    use: (title) => `Usar ${title}`,
    keep: (title) => `Manter ${title}`,
    deleted: (what, title) => `Outra pessoa excluiu ${what}, por isso a sua alteração não pôde ser mantida${title ? ` (${title})` : ''}.`,
    undone: {
      setTitle: (what, why) => `Não foi possível dar à lista o título ${what}, e o título voltou ao que era. ${why}`,
      create: (what, why) => `Não foi possível adicionar ${what}, e a lista voltou ao que era. ${why}`,
      update: (what, why) => `Não foi possível alterar ${what}, e a lista voltou ao que era. ${why}`,
      delete: (what, why) => `Não foi possível excluir ${what}, e a lista voltou ao que era. ${why}`,
      all: (what, why) => `Não foi possível fazer ${what}, e a lista voltou ao que era. ${why}`,
    },
    why: (detail) => (detail ? `O servidor diz: ${detail}` : 'O servidor recusou'),
    again: 'Tentar de novo',
  },

  removed: {
    nothing: 'Nada do que foi removido está faltando.',
    unknown: 'Não foi possível carregar o histórico; abra isto de novo para tentar outra vez.',
    when,
    by: (name) => `por ${name}`,
    more: (n) => `e mais ${number(n)}`,
    restore: (n) => plural(n, { one: 'Trazer de volta # item', other: 'Trazer de volta # itens' }),
  },
}
