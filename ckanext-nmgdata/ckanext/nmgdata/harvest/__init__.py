"""Federation of the league-cities by DCAT (盟市对接; 内政发〔2024〕19号 Art. 8, 10, 19, 25)."""
