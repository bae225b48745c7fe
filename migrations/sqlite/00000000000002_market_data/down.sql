DELETE FROM storage_info WHERE name = 'market_data_1min_layout';
DROP TABLE market_data_1min;
