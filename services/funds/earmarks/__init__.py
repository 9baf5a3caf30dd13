"""切块额度: amounts that a table gives to towns by class, before projects are known."""
