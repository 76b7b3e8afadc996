from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('django_liveactivity', '0004_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='accountstate',
            name='known_address',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
    ]
