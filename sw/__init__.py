"""Host side: data, Brevitas model, training, evaluation, command line."""
