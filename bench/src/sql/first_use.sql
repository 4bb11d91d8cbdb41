SELECT runmeta.start('first use');
SELECT runmeta.set('first use', 'progress', '1');
