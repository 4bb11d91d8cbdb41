jsonb_set(d, '{progress}', '0.5')
