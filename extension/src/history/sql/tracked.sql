SELECT k.task, k.key, k.every, k.keep FROM runmeta.tracked AS k
